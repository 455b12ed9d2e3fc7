// A file of its own, because the page's Content-Security-Policy allows no inline script.
SwaggerUIBundle({
  url: "/openapi.json",
  responseInterceptor: withoutPrefill,
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none", // the sections fit on one screen; each opens at a touch
  defaultModelsExpandDepth: -1, // every operation shows its own
  tryItOutEnabled: true,
  validatorUrl: null, // nothing is asked of the internet
  onComplete: foldIntroduction,
});

// The introduction would fill the first screen, and two of a phone's. Its first paragraph stays; the others unfold.
function foldIntroduction() {
  const introduction = document.querySelector(".info .renderedMarkdown");
  const [, ...others] = introduction?.children ?? [];
  if (others.length === 0) return;
  const folded = document.createElement("details");
  const title = document.createElement("summary");
  title.textContent = "How to sign in, and what all calls have in common";
  folded.append(title, ...others);
  introduction.append(folded);
}

// The page would send the example of every optional parameter: If-Match, a used Idempotency-Key, all filters. They move to the description.
function withoutPrefill(answer) {
  if (!answer.url.endsWith("/openapi.json")) return answer;
  const contract = JSON.parse(answer.text);
  const lists = [contract.components.parameters, ...Object.values(contract.paths).flatMap((item) =>
    [item.parameters, ...Object.values(item).map((operation) => operation.parameters)])];
  for (const parameter of lists.flatMap((list) => Object.values(list ?? {}))) {
    if (parameter.required || parameter.example === undefined) continue;
    parameter.description = `${parameter.description ?? ""} Example: \`${parameter.example}\``;
    delete parameter.example;
  }
  answer.text = answer.data = JSON.stringify(contract);
  return answer;
}

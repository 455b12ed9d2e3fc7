// A file of its own, because the page's Content-Security-Policy allows no inline script.
SwaggerUIBundle({
  url: "/openapi.json",
  responseInterceptor: withoutPrefill,
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null, // nothing is asked of the internet
});

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

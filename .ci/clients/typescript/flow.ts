// Calls a running program as a web client, through the generated types. The argument is the address.
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2]! });
let access = "";
const signedIn: Middleware = {
  onRequest({ request }) {
    if (access) request.headers.set("Authorization", `Bearer ${access}`);
  },
};
client.use(signedIn);

type Answer<T> = { data?: T; error?: unknown; response: Response };

function expect<T>(status: number, what: string, answer: Answer<T>): NonNullable<T> {
  if (answer.response.status !== status) {
    throw new Error(`${what}: ${answer.response.status} instead of ${status}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data as NonNullable<T>;
}

function equal<T>(what: string, got: T, want: T) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}`);
  }
}

const credentials = { email: "typescript@clinic.example", password: "correct horse battery" };
expect(201, "register", await client.POST("/api/auth/register/", { body: { name: "TypeScript", ...credentials } }));
const tokens = expect(200, "log in", await client.POST("/api/auth/login/", { body: credentials }));
access = tokens.access;

const made = await client.POST("/api/patients/", {
  body: { name: "Ananya Verma", gender: "Female", birth_date: "1995-04-18", medical_record_number: "MRN-1042" },
});
const patient = expect(201, "create", made);
const version = made.response.headers.get("ETag") ?? "";
const path = { id: patient.id };

const ifUnchanged = { path, header: { "If-Match": version } };
const amended = await client.PATCH("/api/patients/{id}/", { params: ifUnchanged, body: { phone: "+91 80 5550 0199" } });
equal("the phone", expect(200, "amend", amended).phone, "+91 80 5550 0199");
const stale = await client.PATCH("/api/patients/{id}/", { params: ifUnchanged, body: { phone: "lost" } });
expect(412, "amend an outdated version", stale);
equal("the conflict's code", stale.error?.code, "stale_version");

const cleared = await client.PATCH("/api/patients/{id}/", { params: { path }, body: { medical_record_number: null } });
equal("the cleared number", expect(200, "clear a field", cleared).medical_record_number, null);

const other = await client.POST("/api/patients/", { body: { name: "Bela Nair", gender: "Other", age: 40 } });
expect(201, "create another", other);
const listed = await client.GET("/api/patients/", { params: { query: { ordering: ["name", "-created_at"] } } });
equal("the list", expect(200, "list by two columns", listed).map((one) => one.name), ["Ananya Verma", "Bela Nair"]);

const next = expect(200, "refresh", await client.POST("/api/auth/refresh/", { body: { refresh: tokens.refresh } }));
access = next.access;
expect(204, "log out", await client.POST("/api/auth/logout/"));
expect(401, "list after logging out", await client.GET("/api/patients/"));

package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// What follows lets tests be made from the contract, so that a route, a parameter, a member of a body or a column that is added later is
// covered without anyone remembering.

// route is one described operation.
type route struct {
	method, path string
	op           *openapi3.Operation
	params       openapi3.Parameters // the path's and the operation's
	examples     object              // of every member that any schema gives one for
}

// routes are all operations of the API, in a fixed order; what serves operators and documents is not among them.
func (s *service) routes() (all []route) {
	examples := s.examples()
	for path, item := range s.document.Paths.Map() {
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		for method, op := range item.Operations() {
			all = append(all, route{method, path, op, slices.Concat(item.Parameters, op.Parameters), examples})
		}
	}
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(a.String(), b.String()) })
	return all
}

func (s *service) examples() object {
	examples := object{}
	for _, name := range slices.Sorted(maps.Keys(s.document.Components.Schemas)) {
		for member, schema := range s.document.Components.Schemas[name].Value.Properties {
			if examples[member] == nil && schema.Value.Example != nil {
				examples[member] = schema.Value.Example
			}
		}
	}
	return examples
}

// writing are the routes that take a body.
func writing(all []route) []route {
	return slices.DeleteFunc(slices.Clone(all), func(r route) bool { return r.op.RequestBody == nil })
}

func (r route) String() string { return r.path + " " + r.method }

// takesID says that the path names something.
func (r route) takesID() bool { return strings.Contains(r.path, "{") }

// at is the path with id in every place for one.
func (r route) at(id string) string {
	var path strings.Builder
	for i, part := range strings.Split(r.path, "/") {
		if i > 0 {
			path.WriteByte('/')
		}
		if strings.HasPrefix(part, "{") {
			part = id
		}
		path.WriteString(part)
	}
	return path.String()
}

// collection is the path up to the first id, which tells what is written.
func (r route) collection() string { return strings.Split(r.path, "{")[0] }

// members are those of the body, in a fixed order.
func (r route) members() []string {
	if r.op.RequestBody == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.schemas()))
}

func (r route) schemas() openapi3.Schemas {
	return r.op.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties
}

// body is a body that the route takes, empty where it takes none, with the members of known where it has them: ids, and what must be unique.
func (r route) body(known object) object {
	body := object{}
	for _, member := range r.members() {
		schema := r.schemas()[member].Value
		value, there := known[member]
		switch {
		case there:
		case slices.Contains([]string{"birth_date", "medical_record_number", "license_number"}, member):
			continue // optional, and unique or bound to another member
		case r.examples[member] != nil:
			value = r.examples[member]
		case schema.Type.Is("integer"):
			value = *schema.Min
		default:
			value = "1"
		}
		body[member] = value
	}
	return body
}

// id is what the route's path names, of what is known; the other user's for users.
func (r route) id(known object) string {
	for part, name := range map[string]string{"doctors": "doctor", "users": "user", "sessions": "session"} {
		if id, ok := known[name].(string); ok && strings.Contains(r.path, part) {
			return id
		}
	}
	return known["patient"].(string)
}

// allows says whether a user of that role may call the route, as the document has it.
func (r route) allows(role auth.Role) bool {
	access, err := auth.ParseAccess(r.op.Extensions["x-access"])
	return err == nil && access.Allows(role)
}

func (r route) isPublic() bool { return r.op.Extensions["x-access"] == auth.Public }

// makesUsers says that the route takes an address that must be new.
func (r route) makesUsers() bool {
	return r.method == "POST" && (strings.Contains(r.path, "register") || r.path == "/api/users/")
}

// known is what bodies and paths may name, and what this user proves to be who they are.
func (c *client) known() object {
	other := c.s.user(c.t, "Another"+c.name)
	return object{
		"patient": c.addPatient(), "doctor": c.addDoctor(), "user": other.id(), "session": missing,
		"email": other.email(), "password": password, "current_password": password, "new_password": password,
	}
}

// in are the described parameters of one place: query, header or path.
func (r route) in(place string) (names []string) {
	for _, p := range r.params {
		if p.Value.In == place {
			names = append(names, p.Value.Name)
		}
	}
	return names
}

// query is the path with one query parameter.
func query(path, name, value string) string {
	return path + "?" + url.Values{name: {value}}.Encode()
}

// rows is everything that is stored, table by table, every value as text.
type rows map[string][]map[string]string

// stored reads the whole database but the audit trail, which grows by being asked; the tables are the catalogue's.
func (s *service) stored(t *testing.T) rows {
	t.Helper()
	all := rows{}
	for _, table := range s.tables(t) {
		if strings.HasPrefix(table, "audit_") {
			continue
		}
		var read []object
		require.NoError(t, s.db.Read(t.Context()).Table(table).Find(&read).Error)
		all[table] = []map[string]string{}
		for _, row := range read {
			texts := map[string]string{}
			for column, value := range row {
				texts[column] = textOf(value)
			}
			all[table] = append(all[table], texts)
		}
		slices.SortFunc(all[table], func(a, b map[string]string) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	require.Contains(t, all, "patients")
	return all
}

// textOf is a stored value as text.
func textOf(value any) string {
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []byte:
		return string(v)
	}
	return fmt.Sprint(value)
}

// tables are those of the database's catalogue.
func (s *service) tables(t *testing.T) (names []string) {
	t.Helper()
	catalogue := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
	if s.db.Engine() == database.Postgres {
		catalogue = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
	}
	require.NoError(t, s.db.Read(t.Context()).Raw(catalogue).Scan(&names).Error)
	return names
}

// columns are the names of all columns of all tables.
func (s *service) columns(t *testing.T) (names []string) {
	t.Helper()
	for _, table := range s.tables(t) {
		columns, err := s.columnsOf(t, table)
		require.NoError(t, err)
		names = append(names, columns...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *service) columnsOf(t *testing.T, table string) ([]string, error) {
	t.Helper()
	read, err := s.db.Read(t.Context()).Table(table).Limit(0).Rows()
	require.NoError(t, err)
	defer func() { require.NoError(t, errors.Join(read.Err(), read.Close())) }()
	return read.Columns()
}

// belonging keeps the rows that name one of the ids in a column of ids.
func (all rows) belonging(ids ...string) rows {
	kept := rows{}
	for table, content := range all {
		for _, row := range content {
			for column, value := range row {
				if (column == "id" || strings.HasSuffix(column, "_id")) && slices.Contains(ids, value) {
					kept[table] = append(kept[table], row)
					break
				}
			}
		}
	}
	return kept
}

// missing is an id of nothing.
const missing = "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"

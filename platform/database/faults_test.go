package database_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// canary represents a patient's data. Errors must not contain it, because they are logged.
const canary = "canary-7d1f"

// schema has every kind of constraint, with the names that PostgreSQL generates.
var schema = []string{
	`CREATE TABLE items (
		id    text    PRIMARY KEY,
		owner text    NOT NULL CONSTRAINT items_owner_check CHECK (length(owner) < 20),
		code  text    CONSTRAINT items_code_key UNIQUE,
		label text,
		born  %s,
		n     integer NOT NULL,
		CONSTRAINT items_owner_n_key UNIQUE (owner, n)
	) %s`,
	`CREATE TABLE parts (id text PRIMARY KEY, item text NOT NULL CONSTRAINT parts_item_fkey REFERENCES items (id))`,
	`CREATE UNIQUE INDEX items_lower_idx ON items (lower(label))`,
	`INSERT INTO items (id, owner, code, label, n) VALUES ('1', 'ann', 'c', 'l', 1)`,
	`INSERT INTO parts (id, item) VALUES ('1', '1')`,
}

func eachWithItems(t *testing.T, test func(t *testing.T, db *database.DB)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		date, strict := "date", ""
		if db.Engine() == database.SQLite {
			date, strict = "text CHECK (born IS date(born))", "STRICT"
		}
		exec(t, db, fmt.Sprintf(schema[0], date, strict))
		for _, statement := range schema[1:] {
			exec(t, db, statement)
		}
		test(t, db)
	})
}

// TestViolations verifies that both engines report the same kinds of errors and names of constraints.
func TestViolations(t *testing.T) {
	eachWithItems(t, func(t *testing.T, db *database.DB) {
		const insert = `INSERT INTO items (id, owner, code, label, n) VALUES (?, ?, ?, ?, ?)`
		for _, c := range []struct {
			name       string
			statement  string
			values     []any
			kind       errs.Kind
			constraint string // empty if it has no name on either engine
		}{
			{"a primary key", insert, []any{"1", "x", "x", "x", 1}, errs.Conflict, "items_pkey"},
			{"a unique column", insert, []any{"2", "x", "c", "x", 1}, errs.Conflict, "items_code_key"},
			{"unique columns", insert, []any{"2", "ann", "x", "x", 1}, errs.Conflict, "items_owner_n_key"},
			{"a unique expression", insert, []any{"2", "x", "x", "L", 1}, errs.Conflict, "items_lower_idx"},
			{"a check", insert, []any{"2", canary + canary, "x", "x", 1}, errs.Invalid, "items_owner_check"},
			{"a not null column", insert, []any{"2", nil, canary, canary, 1}, errs.Invalid, ""},
		} {
			t.Run("of "+c.name+" is identified by its name", func(t *testing.T) {
				err := db.Write(t.Context()).Exec(c.statement, c.values...).Error
				require.Equal(t, c.kind, errs.KindOf(err), "%v", err)
				if c.constraint != "" {
					require.True(t, database.Violates(err, c.constraint), "%v", err)
				}
				require.False(t, database.Violates(err, ""), "no constraint has an empty name")
				require.False(t, database.Violates(err, "another_key"))
				require.NotContains(t, errorText(err), canary)
			})
		}
		for name, statement := range map[string]string{
			"by a missing row":    `INSERT INTO parts (id, item) VALUES ('2', '` + canary + `')`,
			"by a deletion":       `DELETE FROM items WHERE id = '1'`,
			"by a changed target": `UPDATE items SET id = '` + canary + `' WHERE id = '1'`,
		} {
			t.Run("of a foreign key "+name+" is a conflict, and PostgreSQL names the key", func(t *testing.T) {
				err := db.Write(t.Context()).Exec(statement).Error
				require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err)
				require.Equal(t, db.Engine() == database.Postgres, database.Violates(err, "parts_item_fkey"))
				require.NotContains(t, errorText(err), canary)
			})
		}
	})
}

// TestExclusions verifies that SQLite's triggers report a violation as PostgreSQL's exclusion constraints do.
func TestExclusions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		if db.Engine() == database.SQLite {
			exec(t, db, `CREATE TABLE stays
				(id text PRIMARY KEY, since integer NOT NULL, until integer NOT NULL) STRICT`)
			for _, event := range []string{"INSERT", "UPDATE"} {
				exec(t, db, `CREATE TRIGGER stays_`+event+` BEFORE `+event+` ON stays BEGIN
					SELECT RAISE(ABORT, 'stays_span_excl') FROM stays
					WHERE id <> NEW.id AND since < NEW.until AND until > NEW.since; END`)
			}
			exec(t, db, `CREATE TRIGGER stays_kept BEFORE DELETE ON stays BEGIN
				SELECT RAISE(ABORT, 'stays are kept, see stays_span_excl'); END`)
		} else {
			exec(t, db, `CREATE TABLE stays (id text PRIMARY KEY, since integer NOT NULL, until integer NOT NULL,
				CONSTRAINT stays_span_excl EXCLUDE USING gist (int4range(since, until) WITH &&))`)
			exec(t, db, `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'stays are kept' USING ERRCODE = '23000'; END $$`)
			exec(t, db, `CREATE TRIGGER stays_kept BEFORE DELETE ON stays FOR EACH ROW EXECUTE FUNCTION keep()`)
		}
		exec(t, db, `INSERT INTO stays (id, since, until) VALUES ('1', 10, 20), ('2', 20, 30)`)
		for name, statement := range map[string]string{
			"an insert":       `INSERT INTO stays (id, since, until) VALUES ('3', 19, 21)`,
			"an update":       `UPDATE stays SET until = 21 WHERE id = '1'`,
			"rows of a batch": `INSERT INTO stays (id, since, until) VALUES ('4', 40, 50), ('5', 45, 55)`,
		} {
			t.Run("a violation by "+name+" is a conflict with the constraint's name", func(t *testing.T) {
				err := db.Write(t.Context()).Exec(statement).Error
				require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err)
				require.True(t, database.Violates(err, "stays_span_excl"), "%v", err)
				require.False(t, database.Violates(err, "span_excl"))
			})
		}
		t.Run("the error of any other trigger is invalid and names no constraint", func(t *testing.T) {
			err := db.Write(t.Context()).Exec(`DELETE FROM stays`).Error
			require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
			require.False(t, database.Violates(err, "stays_span_excl"))
		})
	})
}

// TestX14_BothEnginesRejectTheSameValues verifies X14 and X15: both engines reject the same values without quoting
// them.
func TestX14_BothEnginesRejectTheSameValues(t *testing.T) {
	eachWithItems(t, func(t *testing.T, db *database.DB) {
		valid := map[string]any{"id": canary, "owner": canary, "code": canary, "n": 2}
		for _, c := range []struct {
			name   string
			column string
			value  any
		}{
			{"text with NUL", "owner", "NUL\x00" + canary},
			{"database.Text with NUL", "code", database.Text("NUL\x00" + canary)},
			{"text that is not UTF-8", "owner", "\xff" + canary},
			{"text in a number's column", "n", canary},
			{"a date that does not exist", "born", "2025-02-29 " + canary},
			{"null in a not null column", "n", nil},
		} {
			row := maps.Clone(valid)
			row[c.column] = c.value
			t.Run(c.name+" is invalid, and not quoted", func(t *testing.T) {
				err := db.Write(t.Context()).Table("items").Create(row).Error
				require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
				require.NotContains(t, errorText(err), canary)

				items := db.Write(t.Context()).Table("items")
				err = items.Where("id = ?", "1").Updates(map[string]any{c.column: c.value}).Error
				require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
				require.NotContains(t, errorText(err), canary)
			})
		}
		for name, text := range map[string]string{"NUL": "NUL\x00" + canary, "invalid UTF-8": "\xff" + canary} {
			t.Run("a query for "+name+" is invalid, and not quoted", func(t *testing.T) {
				var found []map[string]any
				err := db.Read(t.Context()).Table("items").Where("owner = ?", text).Find(&found).Error
				require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
				require.NotContains(t, errorText(err), canary)
				q := db.Read(t.Context()).Raw(`SELECT * FROM items WHERE owner IN ?`, []string{"x", text})
				err = q.Scan(&found).Error
				require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
			})
		}
		t.Run("a number that is out of range is not quoted", func(t *testing.T) {
			const tooLarge = 9_876_543_210
			err := db.Write(t.Context()).Exec(`UPDATE items SET n = ?`, tooLarge).Error
			if db.Engine() == database.SQLite {
				require.NoError(t, err, "SQLite's integers have 64 bits: only the domain bounds them")
				return
			}
			require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
			require.NotContains(t, errorText(err), "9876543210")
		})
	})
}

// TestX15_StoredValuesAreNotQuoted verifies X15: errors contain neither unreadable values nor the messages of triggers.
func TestX15_StoredValuesAreNotQuoted(t *testing.T) {
	eachWithItems(t, func(t *testing.T, db *database.DB) {
		exec(t, db, `UPDATE items SET label = '`+canary+`'`)
		t.Run("by the error about a text that is read as a number", func(t *testing.T) {
			var found []struct{ Label int }
			err := db.Read(t.Context()).Table("items").Find(&found).Error
			require.Equal(t, errs.Internal, errs.KindOf(err))
			require.ErrorContains(t, err, `name "label"`, "the log names the column")
			require.NotContains(t, errorText(err), canary)
		})
		t.Run("by the error of a trigger that quotes the row", func(t *testing.T) {
			if db.Engine() == database.SQLite {
				exec(t, db, `CREATE TRIGGER quote BEFORE UPDATE ON items BEGIN SELECT RAISE(ABORT, 'no'); END`)
			} else {
				exec(t, db, `CREATE FUNCTION quote() RETURNS trigger LANGUAGE plpgsql AS
					$$ BEGIN RAISE EXCEPTION 'not %', NEW.label; END $$`)
				exec(t, db, `CREATE TRIGGER quote BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION quote()`)
			}
			err := db.Write(t.Context()).Exec(`UPDATE items SET n = 2`).Error
			require.Error(t, err)
			require.NotContains(t, errorText(err), canary)
		})
	})
}

func TestDefectiveStatements(t *testing.T) {
	eachWithItems(t, func(t *testing.T, db *database.DB) {
		for name, statement := range map[string]string{
			"a column that does not exist": `SELECT nome FROM items`,
			"a table that does not exist":  `SELECT * FROM itmes`,
			"a misspelt keyword":           `SELEC 1`,
			"a column in double quotes":    `SELECT "nome" FROM items`,
		} {
			t.Run(name+" is an internal error", func(t *testing.T) {
				err := db.Read(t.Context()).Raw(statement).Scan(&[]map[string]any{}).Error
				require.Error(t, err)
				require.Equal(t, errs.Internal, errs.KindOf(err))
			})
		}
	})
}

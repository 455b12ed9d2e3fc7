package volume

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestAllocationsOfLists bounds the allocations of each further row of a list, with the trail. A row of assignments
// takes 10.8 with PostgreSQL and 12.7 with SQLite. The count is that of the process, so that one service runs at a
// time, after the databases of both engines were made.
func TestAllocationsOfLists(t *testing.T) {
	lite, pg := databasetest.Both(t)
	for engine, db := range map[database.Engine]database.Config{database.SQLite: lite, database.Postgres: pg} {
		t.Run(string(engine), func(t *testing.T) {
			s := harness.Start(t, db, func(cfg *config.Config) { cfg.DoctorDirectory = "open" })
			c := s.NewUser(t, "Asha")
			addAssignments(c, 100)
			bounds := map[string]float64{"/api/patients/": 8, "/api/doctors/": 8, "/api/mappings/": 14}
			for list, most := range bounds {
				few, many := allocationsOf(t, s, c, list, 20), allocationsOf(t, s, c, list, 100)
				perRow := (many - few) / 80
				t.Logf("%s: %.0f allocations with 20 rows, %.1f more with each row", list, few, perRow)
				require.Less(t, perRow, most, list)
			}
		})
	}
}

// addAssignments adds n patients with one doctor each.
func addAssignments(c *harness.Client, n int) {
	for i := range n {
		patient := c.Do("POST", "/api/patients/", object{
			"name": fmt.Sprint("Ananya Verma ", i), "birth_date": "1990-02-28", "gender": "Female",
			"email": "ananya@mail.example", "phone": "+91 80 5550 0188", "address": "14 Lake Road, Bengaluru",
			"medical_record_number": fmt.Sprint("MRN-", i), "notes": "Allergic to penicillin.",
		}).Expect(201).ID()
		doctor := c.Do("POST", "/api/doctors/", object{
			"name": fmt.Sprint("Dr. Vikram Khanna ", i), "specialization": "Dermatology", "experience": 9,
			"email": "vikram@clinic.example", "phone": "+91 80 5550 0188", "license_number": fmt.Sprint("LN-", i),
		}).Expect(201).ID()
		c.Assign(patient, doctor).Expect(201)
	}
}

// allocationsOf returns the least number of allocations of the process while it serves one page. Other goroutines, and
// a garbage collection that empties the pools, only add allocations.
func allocationsOf(t *testing.T, s *harness.Service, c *harness.Client, path string, rows int) float64 {
	t.Helper()
	address, err := url.Parse(s.URL)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", address.Host)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	request := []byte("GET " + path + "?limit=" + strconv.Itoa(rows) + " HTTP/1.1\r\nHost: " + address.Host +
		"\r\nAuthorization: Bearer " + c.Token + "\r\n\r\n")
	reader, body := bufio.NewReader(conn), make([]byte, 1<<20)
	get := func() []byte {
		_, err := conn.Write(request)
		require.NoError(t, err)
		length := 0
		for {
			line, err := reader.ReadSlice('\n')
			require.NoError(t, err)
			if len(bytes.TrimSpace(line)) == 0 {
				break
			}
			if value, is := bytes.CutPrefix(line, []byte("Content-Length: ")); is {
				length, err = strconv.Atoi(strings.TrimSpace(string(value)))
				require.NoError(t, err)
			}
		}
		_, err = io.ReadFull(reader, body[:length])
		require.NoError(t, err)
		return body[:length]
	}
	var items []object
	require.NoError(t, json.Unmarshal(get(), &items))
	require.Len(t, items, rows)
	var counts []float64
	for range 50 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		get()
		runtime.ReadMemStats(&after)
		counts = append(counts, float64(after.Mallocs-before.Mallocs))
	}
	return slices.Min(counts)
}

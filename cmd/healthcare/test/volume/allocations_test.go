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
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
)

// TestAllocationsOfLists bounds the allocations of each further row of a list, with the trail.
func TestAllocationsOfLists(t *testing.T) {
	var alone sync.Mutex // the engines are tested at the same time, and the count is that of the process
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		alone.Lock()
		defer alone.Unlock()
		c := s.NewUser(t, "Asha")
		for i := range 100 {
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
		for list, most := range map[string]float64{"/api/patients/": 8, "/api/doctors/": 8, "/api/mappings/": 14} {
			few, many := allocationsOf(t, s, c, list, 20), allocationsOf(t, s, c, list, 100)
			perRow := (many - few) / 80
			t.Logf("%s: %.0f allocations with 20 rows, %.1f more with each row", list, few, perRow)
			require.Less(t, perRow, most, list)
		}
	}, func(cfg *config.Config) { cfg.DoctorDirectory = "open" })
}

// allocationsOf returns the median of the allocations of the process while it serves one page.
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
	slices.Sort(counts)
	return counts[len(counts)/2]
}

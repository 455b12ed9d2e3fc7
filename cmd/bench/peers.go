package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"healthcare/cmd/bench/internal/child"
)

const peersHelp = `Measure running servers with the client of this command, for example the original service next
to this one. The servers are driven in turn (A B A B) with the same requests. The rows are your own:
fill all servers alike, and compare the sizes of the responses in the table.

  bench peers --url http://127.0.0.1:8000 --token "$TOKEN"
  bench peers --url http://127.0.0.1:8000 --token "$OURS" --url http://127.0.0.1:9000 --token "$THEIRS" \
      --path '/api/patients/?limit=50' --path /api/mappings/
  bench peers --url http://127.0.0.1:8000 --token "$TOKEN" --path /api/patients/ --body patient.json

The first of several servers is compared with each of the others. The same address twice is a control:
the difference is noise of the machine. Every response must be a success. A redirect is an error,
because it would be measured instead of the resource.

With --pid, the processor time of the process and of its descendants is measured as well (Linux). A
database that is a process of its own is not part of it.`

// peerOptions are the flags of peers.
type peerOptions struct {
	urls   []string
	tokens []string
	paths  []string
	pids   []int
	body   string
}

func (o *options) peersCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "peers", Short: "Measure any running servers with the same client", Long: peersHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.drivePeers(cmd.Context(), cmd.OutOrStdout()) },
	}
	flags, p := c.Flags(), &o.peers
	flags.StringArrayVar(&p.urls, "url", nil, "`address` of a server; repeat it to drive several in turn")
	flags.StringArrayVar(
		&p.tokens, "token", nil, "bearer `token`: one for all servers, or one for each --url in the same order",
	)
	flags.StringArrayVar(
		&p.paths, "path", []string{"/api/patients/"}, "`path` with its query; repeat it to measure several",
	)
	flags.StringVar(&p.body, "body", "", "`file` with a JSON body: send POST requests instead of GET requests")
	flags.IntSliceVar(&p.pids, "pid", nil, "process `id` of each --url, in the same order, to measure its CPU time")
	_ = c.MarkFlagRequired("url") // the flag exists
	return c
}

// drivePeers runs the command.
func (o options) drivePeers(ctx context.Context, w io.Writer) error {
	all, err := o.peers.servers()
	if err != nil {
		return err
	}
	chosen, err := o.peers.scenarios()
	if err != nil {
		return err
	}
	c, err := o.runPlan(chosen)
	if err != nil {
		return err
	}
	outcomes, err := c.run(ctx, "peers", all)
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = one.name
	}
	columns := joined(timeColumns, []column{receivedColumn})
	if len(o.peers.pids) > 0 {
		columns = append(columns, cpuColumn, residentColumn)
	}
	fmt.Fprintf(
		w, "%d rounds of %s, %d clients, %d cores, %s\n\n", c.rounds, c.length, c.clients, runtime.NumCPU(),
		runtime.Version(),
	)
	writeColumns(w, outcomes, names, columns)
	for _, other := range names[1:] {
		comparison{names[0] + " / " + other, names[0], other, nil}.write(w, outcomes, len(o.peers.pids) > 0)
	}
	return o.writeSamples(map[string][]outcome{"peers": outcomes})
}

// servers returns the servers to drive. Each has its own name.
func (p peerOptions) servers() (all []*runningServer, err error) {
	if n := len(p.tokens); n > 1 && n != len(p.urls) {
		return nil, fmt.Errorf("--token: %d tokens for %d servers", n, len(p.urls))
	}
	if n := len(p.pids); n > 0 && n != len(p.urls) {
		return nil, fmt.Errorf("--pid: %d processes for %d servers", n, len(p.urls))
	}
	for i, address := range p.urls {
		at, err := url.Parse(address)
		if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
			return nil, fmt.Errorf("--url: %q is not an address such as http://127.0.0.1:8000", address)
		}
		base := strings.TrimSuffix(address, "/")
		one := &runningServer{name: base, actor: &actor{base: base, reader: p.header(i)}, stats: noStats}
		if same := slices.IndexFunc(all, func(s *runningServer) bool { return s.name == base }); same >= 0 {
			one.name = fmt.Sprintf("%s (%d)", base, i+1)
		}
		if len(p.pids) > 0 {
			one.stats = func(context.Context) (child.Stats, error) { return child.TreeStats(p.pids[i]) }
		}
		all = append(all, one)
	}
	return all, nil
}

// header returns the header of requests to the i-th server.
func (p peerOptions) header(i int) http.Header {
	header := http.Header{"Accept": {"application/json"}}
	switch len(p.tokens) {
	case 0:
		return header
	case 1:
		i = 0
	}
	header.Set("Authorization", "Bearer "+p.tokens[i])
	return header
}

func noStats(context.Context) (child.Stats, error) { return child.Stats{}, nil }

// scenarios returns one scenario for each path.
func (p peerOptions) scenarios() (all []scenario, err error) {
	var body []byte
	if p.body != "" {
		if body, err = os.ReadFile(p.body); err != nil {
			return nil, fmt.Errorf("--body: %w", err)
		}
	}
	for _, path := range p.paths {
		if !strings.HasPrefix(path, "/") {
			return nil, errors.New("--path: does not begin with a slash: " + path)
		}
		one := scenario{name: "GET " + path, request: get(path)}
		if p.body != "" {
			one = scenario{name: "POST " + path, request: post(path, body)}
		}
		all = append(all, one)
	}
	return all, nil
}

// post returns requests with a JSON body.
func post(path string, body []byte) func(*actor, int) vegeta.Target {
	return func(a *actor, _ int) vegeta.Target {
		t := a.target(http.MethodPost, path, a.reader.Clone(), nil)
		t.Header.Set("Content-Type", "application/json")
		t.Body = body
		return t
	}
}

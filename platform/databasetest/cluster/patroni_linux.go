package cluster

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoPatroni reports that a program for clusters with fail-over is not installed.
var ErrNoPatroni = errors.New("patroni and etcd are needed (Debian: apt-get install patroni etcd-server)")

// FailoverTTL is the time after which another node replaces a leader that does not respond. It is the minimum that
// Patroni accepts.
const FailoverTTL = 20 * time.Second

//go:embed patroni.sh
var patroniScript string

// Patroni is a cluster of three PostgreSQL servers on loopback with one etcd. Patroni keeps them in synchronous
// replication. It ends with the test process.
type Patroni struct {
	folder   string
	etcd     int // port
	nodes    []*patroniNode
	programs map[string]string
	attr     *syscall.SysProcAttr
	lifeline *os.File
	done     *os.File
}

type patroniNode struct {
	name      string
	port, api int
	patroni   *exec.Cmd
}

// NewPatroni starts the cluster and returns when it has a leader and two standbys, one of them synchronous. Errors:
// ErrNotInstalled, ErrNoPatroni; others quote the ends of the logs.
func NewPatroni() (*Patroni, error) {
	p := &Patroni{programs: map[string]string{}}
	bin, err := binaries(debian)
	if err != nil {
		return nil, err
	}
	p.programs["bin"] = bin
	for _, name := range []string{"patroni", "etcd"} {
		if p.programs[name], err = exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("%w: %s is missing", ErrNoPatroni, name)
		}
	}
	if p.attr, err = attributes(); err != nil {
		return nil, err
	}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	for _, node := range p.nodes {
		if err := p.start(node); err != nil {
			p.Close()
			return nil, err
		}
	}
	if err := p.await(); err != nil {
		logs := p.logs()
		p.Close()
		return nil, fmt.Errorf("%w\n%s", err, logs)
	}
	return p, nil
}

// prepare creates the folder, starts the script that removes it, and starts etcd.
func (p *Patroni) prepare() error {
	folder, err := newFolder(p.attr)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // the script holds the lock
	p.folder = folder.Name()
	if err := p.watch(folder); err != nil {
		return err
	}
	ports, err := freePorts(8)
	if err != nil {
		return err
	}
	for i, name := range []string{"a", "b", "c"} {
		node := &patroniNode{name: name, port: ports[2*i], api: ports[2*i+1]}
		if err := p.mkdir(name); err != nil {
			return err
		}
		p.nodes = append(p.nodes, node)
	}
	p.etcd = ports[6]
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", ports[6]), fmt.Sprintf("http://127.0.0.1:%d", ports[7])
	_, err = p.run("etcd", p.folder, "etcd", "--data-dir", p.folder+"/etcd-data",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	return err
}

// watch starts the script that ends everything with this process.
func (p *Patroni) watch(folder *os.File) error {
	end, lifeline, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = end.Close() }()
	done, reports, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = reports.Close() }()
	sh := exec.Command("/bin/sh", "-c", patroniScript, "healthcare-patroni", p.folder) // #nosec G204 -- our own script
	sh.Dir, sh.SysProcAttr, sh.Stdout, sh.ExtraFiles = "/", p.attr, reports, []*os.File{end, folder}
	p.lifeline, p.done = lifeline, done
	return sh.Start()
}

func (p *Patroni) mkdir(name string) error {
	// The servers' user runs it, so that it owns the folder.
	mkdir := exec.Command("mkdir", "-m", "700", filepath.Join(p.folder, name)) // #nosec G204 -- our own path
	mkdir.SysProcAttr = p.attr
	return mkdir.Run()
}

// run starts a program in a folder, with its output in <folder>/<name>.log and its process id in <folder>/<name>.pid.
func (p *Patroni) run(name, folder, program string, arguments ...string) (*exec.Cmd, error) {
	path := filepath.Join(folder, name)
	log, err := os.OpenFile(path+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) // #nosec G302 -- no secret
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	command := exec.Command(p.programs[program], arguments...) // #nosec G204 -- found on the PATH
	command.Dir, command.SysProcAttr, command.Stdout, command.Stderr = folder, p.attr, log, log
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "HOME="+folder)
	if err := command.Start(); err != nil {
		return nil, err
	}
	pid := strconv.Itoa(command.Process.Pid)
	return command, os.WriteFile(path+".pid", []byte(pid), 0o644) // #nosec G306 -- no secret
}

func (p *Patroni) start(node *patroniNode) (err error) {
	folder := filepath.Join(p.folder, node.name)
	settings := fmt.Sprintf(patroniSettings, node.name, node.api, node.api, p.etcd, int(FailoverTTL/time.Second),
		node.port, node.port, folder, p.programs["bin"], folder, folder)
	file := filepath.Join(folder, "patroni.yml")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil { // #nosec G306 -- its passwords protect nothing
		return err
	}
	node.patroni, err = p.run("patroni", folder, "patroni", file)
	return err
}

const patroniSettings = `
scope: healthcare
name: %s
restapi: {listen: "127.0.0.1:%d", connect_address: "127.0.0.1:%d"}
etcd3: {host: "127.0.0.1:%d"}
bootstrap:
  dcs:
    ttl: %d
    loop_wait: 3
    retry_timeout: 5
    synchronous_mode: true
    postgresql: {use_pg_rewind: true, parameters: {max_connections: 100, wal_log_hints: "on"}}
  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, data-checksums]
postgresql:
  listen: 127.0.0.1:%d
  connect_address: 127.0.0.1:%d
  data_dir: %s/data
  bin_dir: %s
  pgpass: %s/pgpass
  authentication:
    superuser: {username: app, password: loopback}
    replication: {username: replicator, password: loopback}
  pg_hba:
    - local postgres app trust
    - host postgres app 127.0.0.1/32 scram-sha-256
    - host replication replicator 127.0.0.1/32 scram-sha-256
  parameters:
    unix_socket_directories: %s
    password_encryption: scram-sha-256
    shared_buffers: 64MB
    hot_standby_feedback: "on"
    checkpoint_timeout: 30s
`

// URL returns the address of the primary: a list of all hosts.
func (p *Patroni) URL() string {
	var hosts []string
	for _, node := range p.nodes {
		hosts = append(hosts, node.host())
	}
	return "postgres://app:loopback@" + strings.Join(hosts, ",") +
		"/postgres?sslmode=disable&target_session_attrs=read-write"
}

// NodeURLs returns the address of each node by itself.
func (p *Patroni) NodeURLs() (urls []string) {
	for _, node := range p.nodes {
		urls = append(urls, "postgres://app:loopback@"+node.host()+"/postgres?sslmode=disable")
	}
	return urls
}

func (n *patroniNode) host() string { return "127.0.0.1:" + strconv.Itoa(n.port) }

// is reports whether a path of Patroni's health checks responds with 200.
func (n *patroniNode) is(path string) bool {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get("http://127.0.0.1:" + strconv.Itoa(n.api) + path)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}

// Leader returns the name of the primary, or "" without one.
func (p *Patroni) Leader() string {
	for _, node := range p.nodes {
		if node.is("/primary") {
			return node.name
		}
	}
	return ""
}

// Complete reports whether there is a leader, a synchronous standby and one more standby that streams.
func (p *Patroni) Complete() bool {
	synchronous, replicas := 0, 0
	for _, node := range p.nodes {
		if node.is("/synchronous") {
			synchronous++
		}
		if node.is("/replica") {
			replicas++
		}
	}
	return p.Leader() != "" && synchronous == 1 && replicas == len(p.nodes)-1
}

func (p *Patroni) await() error {
	for end := time.Now().Add(4 * startTimeout); time.Now().Before(end); time.Sleep(time.Second / 4) {
		if p.Complete() {
			return nil
		}
	}
	return errors.New("the Patroni cluster is not complete")
}

// logs returns the end of each log.
func (p *Patroni) logs() (all string) {
	files, _ := filepath.Glob(p.folder + "/*/*.log")
	for _, file := range append(files, p.folder+"/etcd.log") {
		text, _ := os.ReadFile(file) // #nosec G304 -- in our own folder
		all += file + ":\n" + string(text[max(0, len(text)-1500):]) + "\n"
	}
	return all
}

// Kill ends every process of a node with SIGKILL, Patroni first.
func (p *Patroni) Kill(name string) error {
	node := p.node(name)
	if err := node.patroni.Process.Kill(); err != nil {
		return err
	}
	_ = node.patroni.Wait() // killed
	text, err := os.ReadFile(filepath.Join(p.folder, name, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	for _, pid := range append(children(postmaster), postmaster) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// children returns the processes whose parent is pid.
func children(pid int) (found []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ") // behind the name: state, parent
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// Start starts a node that was killed. It becomes a standby.
func (p *Patroni) Start(name string) error { return p.start(p.node(name)) }

func (p *Patroni) node(name string) *patroniNode {
	for _, node := range p.nodes {
		if node.name == name {
			return node
		}
	}
	return nil
}

// Close ends all processes and returns when the folder is removed.
func (p *Patroni) Close() {
	_ = p.lifeline.Close()
	_ = p.done.SetReadDeadline(time.Now().Add(startTimeout))
	_, _ = io.Copy(io.Discard, p.done) // until its end
	_ = p.done.Close()
}

// freePorts returns ports of loopback that are free now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }() // after the last, so that no two are the same
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

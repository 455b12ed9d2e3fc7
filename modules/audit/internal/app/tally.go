package app

// Tally counts the entries since the recorder was created.
type Tally struct {
	Entries  int // appended
	Groups   int // appends
	Failures int // appends that failed, and records rejected because too many were waiting
	Waiting  int // entries that wait for the running append
}

// Tally returns the current counts.
func (r *Recorder) Tally() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally
	if r.pending != nil {
		t.Waiting = len(r.pending.entries)
	}
	return t
}

// count updates the tally after an append.
func (r *Recorder) count(entries int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.tally.Failures++
		return
	}
	r.tally.Groups++
	r.tally.Entries += entries
}

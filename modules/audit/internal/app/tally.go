package app

// Tally is what became of the entries so far.
type Tally struct {
	Entries  int // appended
	Groups   int // appends
	Failures int // appends that failed, and records for which there was no room
	Waiting  int // entries, for the append that runs
}

// Tally is what the recorder has done since it was made.
func (r *Recorder) Tally() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally
	if r.forming != nil {
		t.Waiting = len(r.forming.entries)
	}
	return t
}

// count notes an append.
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

package patients

type Deleted struct{}

type Transferred struct{}

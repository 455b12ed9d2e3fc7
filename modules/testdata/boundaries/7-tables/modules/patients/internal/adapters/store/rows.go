package store

type patientRow struct {
	ID    string
	Notes string `gorm:"check:id IN (SELECT patient_id FROM doctors)"`
}

func (patientRow) TableName() string { return "patients" }

type visitRow struct{}

func (*visitRow) TableName() string { return "visit_rows" }

type doctorRow struct{}

func (*doctorRow) TableName() string { return "doctors" }

type computedRow struct{}

func (computedRow) TableName() string {
	name := "visits"
	return name
}

type namedRow struct{}

func (namedRow) TableName() (name string) { return }

type doctorLicense struct{ Number string }

func (doctorLicense) Holder() string { return "" }

type doctor struct{ Name string }

func (*doctor) TableName() string { return "patients" }

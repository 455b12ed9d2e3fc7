package store_test

import "gorm.io/gorm"

func aPatient(db *gorm.DB, name string) { db.Exec("INSERT INTO patients VALUES ('" + name + "')") }

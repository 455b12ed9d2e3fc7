package store_test

const aDoctor = "INSERT INTO doctors (id) VALUES (?)"

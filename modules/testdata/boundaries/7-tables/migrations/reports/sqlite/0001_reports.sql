CREATE VIEW reports AS SELECT * FROM patients;

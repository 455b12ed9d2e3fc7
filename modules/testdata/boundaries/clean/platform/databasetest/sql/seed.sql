INSERT INTO patients SELECT * FROM doctors;

CREATE TABLE doctors (id text PRIMARY KEY);

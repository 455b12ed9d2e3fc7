-- +goose Up
create table if not exists patients (id text primary key); -- what assignments refer to
CREATE TABLE notes (id text PRIMARY KEY);
/* doctors
   come later */

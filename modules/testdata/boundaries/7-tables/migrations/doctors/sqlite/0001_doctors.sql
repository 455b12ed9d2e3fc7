-- +goose Up
CREATE TABLE IF NOT EXISTS doctors (id TEXT PRIMARY KEY) STRICT;
CREATE TABLE "doctor_licenses" (doctor_id TEXT, number TEXT) STRICT;

package doctorsfx

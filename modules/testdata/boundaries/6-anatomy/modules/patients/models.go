package patients

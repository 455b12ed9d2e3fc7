package doctors

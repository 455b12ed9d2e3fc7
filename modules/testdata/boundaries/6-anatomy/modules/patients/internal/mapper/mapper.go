package mapper

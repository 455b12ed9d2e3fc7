package app

const subscribesTo = "doctors"

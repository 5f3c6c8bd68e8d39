"""Training: the embedded model's recipe (`mini`) and what it is made of."""

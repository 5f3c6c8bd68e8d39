"""Training: models fine-tuned on the user's imagery and words, and the embedded model made from nothing (`mini`)."""

"""Products: the files a question leaves, written aside and renamed when complete."""

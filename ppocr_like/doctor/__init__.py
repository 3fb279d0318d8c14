"""What is wrong with a data set (`check --data`): `examine.examine` streams over each set with the task's examiner."""

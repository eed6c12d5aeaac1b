"""What the API and the workers share: the truth in SQL, the files of jobs, and the doorbell."""

"""The loop: one and the same for teachers, students alone and distilled students."""

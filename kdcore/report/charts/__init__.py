"""The report's charts: each answers one question, its title says what to see, and its figures stand beneath."""

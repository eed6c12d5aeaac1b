"""Files of rows: CSV, TSV, JSON lines, Parquet and patterned lines as chunks of named columns."""

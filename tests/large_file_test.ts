// Being written (large_file_test.ts).

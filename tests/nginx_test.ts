// Being written (nginx_test.ts).

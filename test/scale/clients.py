#!/usr/bin/python3
"""Clients that ask through the pooler, and look whether each answer is the right one.

clients.py SECONDS CLIENTS: prints what came of it; the errors, with their times, go to clients.errors.
"""
import random
import sys
import threading
import time

import psycopg2

POOLER = "host=127.0.0.1 port=6432 user=postgres dbname=answers connect_timeout=5"
ERRORS = "/var/scale/log/clients.errors"
QUESTION = "SELECT array_agg(item ORDER BY rank) FROM recseq_recommend(%s, k => 10)"


class Client(threading.Thread):
    def __init__(self, number, questions, right, end):
        super().__init__()
        self.questions, self.right_answer, self.end = questions, right, end
        self.random = random.Random(number)
        self.right = self.wrong = 0
        self.slowest = 0.0
        self.errors = []

    def run(self):
        connection = None
        while time.time() < self.end:
            asked = time.time()
            try:
                if connection is None:
                    connection = psycopg2.connect(POOLER)
                    connection.autocommit = True
                question = self.random.choice(self.questions)
                with connection.cursor() as cursor:
                    cursor.execute(QUESTION, (list(question),))
                    answer = cursor.fetchone()[0]
                if answer == self.right_answer[question]:
                    self.right += 1
                else:
                    self.wrong += 1
                self.slowest = max(self.slowest, time.time() - asked)
            except psycopg2.Error as error:
                self.errors.append((time.time(), str(error).strip().splitlines()[0]))
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.1)


def main():
    seconds, count = int(sys.argv[1]), int(sys.argv[2])
    with psycopg2.connect(POOLER) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT items FROM questions")
        questions = [tuple(items) for (items,) in cursor.fetchall()]
        right = {}
        for question in questions:
            cursor.execute(QUESTION, (list(question),))
            right[question] = cursor.fetchone()[0]
    print("asking", flush=True)
    end = time.time() + seconds
    clients = [Client(number, questions, right, end) for number in range(count)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    errors = sorted(error for client in clients for error in client.errors)
    with open(ERRORS, "w", encoding="utf-8") as out:
        for when, message in errors:
            out.write(f"error {when:.3f} {message}\n")
    print("right", sum(client.right for client in clients))
    print("wrong", sum(client.wrong for client in clients))
    print("errors", len(errors), f"within {errors[-1][0] - errors[0][0]:.1f} s" if errors else "")
    print(f"slowest answer {max(client.slowest for client in clients):.1f} s")


main()

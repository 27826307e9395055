"""MQTT broker in miniature: packets, topics with wildcards, retained messages, a resend queue"""
import gc
import json
import struct

seed = 7


def rnd(n):
    global seed
    seed = (seed * 75 + 74) % 65537
    return seed % n


def text(s):
    b = s.encode()
    return struct.pack(">H", len(b)) + b


def packet(kind, flags, body):
    n, head = len(body), bytearray([kind << 4 | flags])
    while True:
        n, digit = n >> 7, n & 127
        head.append(digit | 128 if n else digit)
        if not n:
            return bytes(head) + body


def publish(topic, payload, qos=0, ident=0, retain=False):
    body = text(topic) + (struct.pack(">H", ident) if qos else b"") + payload
    return packet(3, qos << 1 | retain, body)


def parse(data):
    kind, n, shift, at = data[0], 0, 0, 1
    while True:
        n |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            break
    body = data[at:at + n]
    size = struct.unpack(">H", body[:2])[0]
    topic = str(body[2:2 + size], "utf8")
    rest = body[2 + size:]
    if (kind >> 1) & 3:
        rest = rest[2:]
    return topic, rest, kind & 1


class Node:
    def __init__(self):
        self.children = {}
        self.clients = []
        self.retained = None


class Broker:
    def __init__(self):
        self.root = Node()
        self.waiting = {}
        self.ident = 0

    def node(self, topic):
        at = self.root
        for part in topic.split("/"):
            if part not in at.children:
                at.children[part] = Node()
            at = at.children[part]
        return at

    def subscribe(self, pattern, client):
        self.node(pattern).clients.append(client)

    def match(self, parts, at, out):
        if not parts:
            out.extend(at.clients)
            return
        for key in (parts[0], "+"):
            if key in at.children:
                self.match(parts[1:], at.children[key], out)
        if "#" in at.children:
            out.extend(at.children["#"].clients)

    def receive(self, data):
        topic, payload, retain = parse(data)
        if retain:
            self.node(topic).retained = payload
        found = []
        self.match(topic.split("/"), self.root, found)
        for client in found:
            self.ident = self.ident % 65535 + 1
            out = publish(topic, payload, 1, self.ident)
            self.waiting[self.ident] = [client, out, 0]
            client.inbox.append(out)

    def acknowledge(self):
        done = [i for i in self.waiting if rnd(4)]
        for ident in done:
            del self.waiting[ident]
        for entry in self.waiting.values():
            entry[2] += 1
            entry[0].inbox.append(entry[1])


class Client:
    def __init__(self, name):
        self.name = name
        self.inbox = []
        self.seen = {}

    def work(self):
        for data in self.inbox:
            topic, payload, _ = parse(data)
            value = json.loads(payload)
            self.seen[topic] = (value["v"], value["t"])
        self.inbox = []


def main():
    broker = Broker()
    clients = [Client("client%d" % i) for i in range(8)]
    for i, client in enumerate(clients):
        broker.subscribe("home/+/temperature", client)
        broker.subscribe("home/room%d/#" % i, client)
        broker.subscribe("status/%s" % client.name, client)
    for hour in range(4):
        print("#phase hour%d" % hour)
        for minute in range(30):
            room = rnd(12)
            kind = ("temperature", "humidity", "light", "door")[rnd(4)]
            value = json.dumps({"v": rnd(1000) / 10, "t": hour * 3600 + minute * 60, "unit": kind[:3]})
            broker.receive(publish("home/room%d/%s" % (room, kind), value.encode(), 0, 0, kind == "door"))
            if minute % 5 == 0:
                name = clients[rnd(8)].name
                broker.receive(publish("status/" + name, json.dumps({"v": 1, "t": minute}).encode()))
            for client in clients:
                client.work()
            broker.acknowledge()
        gc.collect()
    print(sum(len(c.seen) for c in clients), len(broker.waiting), broker.ident)


main()

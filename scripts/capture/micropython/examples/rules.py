"""Rule engine: expressions parsed to trees, compiled to closures, evaluated on changing facts; objects that point in circles"""
import gc


class Parser:
    def __init__(self, source):
        self.tokens = source.replace("(", " ( ").replace(")", " ) ").split()
        self.at = 0

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def expression(self):
        left = self.term()
        while self.peek() in ("and", "or", "<", ">", "+", "-"):
            left = (self.take(), left, self.term())
        return left

    def term(self):
        token = self.take()
        if token == "(":
            inside = self.expression()
            self.take()
            return inside
        if token == "not":
            return ("not", self.term())
        return int(token) if token.isdigit() else token


OPERATIONS = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
}


def compiled(tree):
    if isinstance(tree, int):
        return lambda facts: tree
    if isinstance(tree, str):
        return lambda facts: facts[tree]
    if tree[0] == "not":
        inner = compiled(tree[1])
        return lambda facts: not inner(facts)
    operation, left, right = OPERATIONS[tree[0]], compiled(tree[1]), compiled(tree[2])
    return lambda facts: operation(left(facts), right(facts))


class Rule:
    def __init__(self, engine, name, source):
        self.engine = engine
        self.name = name
        self.test = compiled(Parser(source).expression())
        self.fired = []
        self.listeners = []

    def run(self, facts):
        if self.test(facts):
            self.fired.append(Event(self, facts["tick"]))
            if len(self.fired) > 4:
                self.fired.pop(0)
            for other in self.listeners:
                other.engine.wake(other)


class Event:
    def __init__(self, rule, tick):
        self.rule = rule
        self.text = "%s at %d" % (rule.name, tick)
        self.previous = rule.fired[-1] if rule.fired else None
        if self.previous:
            self.previous.previous = None


class Engine:
    def __init__(self):
        self.rules = [
            Rule(self, "heat", "( temp < 180 and not away ) or temp < 50"),
            Rule(self, "vent", "humid > 70 and ( wind < 12 or temp > 240 )"),
            Rule(self, "light", "lux < 30 and not away and tick > 4"),
            Rule(self, "alarm", "door and away"),
            Rule(self, "frost", "temp - wind < 40"),
        ]
        self.queue = []
        for a, b in zip(self.rules, self.rules[1:] + self.rules[:1]):
            a.listeners.append(b)

    def wake(self, rule):
        if rule not in self.queue:
            self.queue.append(rule)

    def step(self, facts):
        for rule in self.rules:
            rule.run(facts)
        while self.queue:
            self.queue.pop().fired.append(Event(self.rules[0], facts["tick"]))


def main():
    seed, count = 3, 0
    for day in range(3):
        print("#phase day%d" % day)
        engine = Engine()
        for tick in range(48):
            facts = {"tick": tick, "away": tick % 24 in range(8, 17)}
            for name, limit in (("temp", 300), ("humid", 100), ("wind", 30), ("lux", 90), ("door", 2)):
                seed = (seed * 75 + 74) % 65537
                facts[name] = seed % limit
            engine.step(facts)
        count += sum(len(rule.fired) for rule in engine.rules)
        engine = None
        gc.collect()
    print(count)


main()

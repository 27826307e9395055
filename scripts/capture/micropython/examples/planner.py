"""Route planner: maps in byte arrays, A* with a heap queue, routes kept in a bounded cache, one large map"""
import gc
import heapq


class Map:
    def __init__(self, width, height, seed):
        self.width = width
        self.height = height
        self.cells = bytearray(width * height)
        for i in range(width * height):
            seed = (seed * 75 + 74) % 65537
            self.cells[i] = 1 if seed % 100 < 24 else 0
        self.cells[0] = self.cells[-1] = 0

    def around(self, at):
        x = at % self.width
        if x > 0:
            yield at - 1
        if x < self.width - 1:
            yield at + 1
        if at >= self.width:
            yield at - self.width
        if at < self.width * (self.height - 1):
            yield at + self.width


def route(area, start, goal):
    def guess(at):
        return abs(at % area.width - goal % area.width) + abs(at // area.width - goal // area.width)

    queue = [(guess(start), 0, start)]
    best, origin = {start: 0}, {start: None}
    while queue:
        _, cost, at = heapq.heappop(queue)
        if at == goal:
            path = []
            while at is not None:
                path.append(at)
                at = origin[at]
            path.reverse()
            return path
        for near in area.around(at):
            if not area.cells[near] and cost + 1 < best.get(near, 1 << 20):
                best[near] = cost + 1
                origin[near] = at
                heapq.heappush(queue, (cost + 1 + guess(near), cost + 1, near))
    return None


class Cache:
    def __init__(self, limit):
        self.limit = limit
        self.order = []
        self.routes = {}

    def find(self, area, name, start, goal):
        key = "%s:%d-%d" % (name, start, goal)
        if key not in self.routes:
            self.routes[key] = route(area, start, goal)
            self.order.append(key)
            if len(self.order) > self.limit:
                del self.routes[self.order.pop(0)]
        return self.routes[key]


def describe(area, path):
    if path is None:
        return "no way"
    steps = []
    for a, b in zip(path, path[1:]):
        letter = {1: "E", -1: "W", area.width: "S", -area.width: "N"}[b - a]
        if steps and steps[-1][0] == letter:
            steps[-1][1] += 1
        else:
            steps.append([letter, 1])
    return " ".join(letter + str(n) for letter, n in steps)


def main():
    cache = Cache(6)
    print("#phase small")
    maps = [("m%d" % i, Map(16, 14, 11 * i + 3)) for i in range(4)]
    found = 0
    for turn in range(5):
        for name, area in maps:
            goal = len(area.cells) - 1 - turn
            area.cells[goal] = 0
            found += len(describe(area, cache.find(area, name, 0, goal)))
    gc.collect()
    print("#phase large")
    large = Map(240, 200, 5)
    area = Map(26, 20, 91)
    found += len(describe(area, cache.find(area, "big", 0, 26 * 20 - 1)))
    print("#mark large-held")
    large = None
    gc.collect()
    print("#phase after")
    for turn in range(4):
        name, area = maps[turn]
        found += len(describe(area, cache.find(area, name, turn + 2, len(area.cells) - 1)))
    gc.collect()
    print(found, len(cache.routes))


main()

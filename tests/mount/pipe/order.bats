# shellcheck shell=bash
# Pipes with several threads: bytes that bypass the kernel's buffer (direct transfer) keep their order.

load ../helper

setup_file() {
	new_mount
	ipcfs_start --threads 4
}

setup() {
	declare -gA pid=()
	cd "$dir"
	mkdir "$IPC/pipe/p"
	p=$IPC/pipe/p
}

teardown() {
	end_all
	rmdir "$IPC"/pipe/*
	quiet_log
}

# The pipes are small, so that a writer often waits with unwritten bytes while earlier bytes are still in the buffer. Several
# transfers run at once, so that threads are preempted at any point.
@test "bytes of one writer keep their order with all sizes of reads and writes" {
	mkdir "$IPC"/pipe/{q,r,s,t}
	run -0 python3 - "$IPC/pipe" <<-'END'
		import os, random, sys
		def transfer(path, seed):
		    with open(path + "/capacity", "w") as file:
		        file.write("4096")
		    data = random.Random(seed).randbytes(32 << 20)
		    r, w = os.open(path + "/read", os.O_RDONLY), os.open(path + "/write", os.O_WRONLY)
		    if os.fork() == 0:
		        os.close(r)
		        sizes, at = random.Random(seed + 1), 0
		        while at < len(data):
		            at += os.write(w, data[at:at + sizes.choice([1, 100, 4096, 4097, 12288, 60000, 200000])])
		        os._exit(0)
		    os.close(w)
		    sizes, got = random.Random(seed + 2), bytearray()
		    while part := os.read(r, sizes.choice([100, 4096, 5000, 20000, 65536, 300000])):
		        got += part
		    os._exit(got != data)
		for seed, name in enumerate("qrst"):
		    if os.fork() == 0:
		        transfer(sys.argv[1] + "/" + name, seed)
		assert [os.wait()[1] for _ in range(4)] == [0] * 4, "not what was written"
	END
}

@test "records of one writer stay in order for each of two readers, and none is torn or lost" {
	echo 4096 >"$p/capacity"
	run -0 python3 - "$p" <<-'END'
		import os, sys
		SIZE, COUNT = 512, 20000
		ends = [os.open(sys.argv[1] + "/read", os.O_RDONLY) for _ in range(2)]
		w = os.open(sys.argv[1] + "/write", os.O_WRONLY)
		files = []
		for end in ends:
		    r, out = os.pipe()
		    if os.fork() == 0:
		        os.close(w)
		        with os.fdopen(out, "w") as out:
		            while record := os.read(end, SIZE):
		                assert len(record) == SIZE and len(set(record[i:i + 8] for i in range(0, SIZE, 8))) == 1
		                print(int(record[:8]), file=out)
		        os._exit(0)
		    os.close(out)
		    files.append(os.fdopen(r))
		if os.fork() == 0:
		    for i in range(COUNT):
		        assert os.write(w, b"%08d" % i * (SIZE // 8)) == SIZE
		    os._exit(0)
		os.close(w)
		everything = []
		for file in files:
		    numbers = [int(line) for line in file]
		    assert numbers == sorted(numbers), "out of order"
		    everything += numbers
		assert sorted(everything) == list(range(COUNT))
	END
}

namespace Qed.Benchmarks;

/// <summary>What a live disk is asked for, and what it is beside it.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Client">What the client is told: fio, or where it is nothing, nbdcopy's direction by <paramref name="Contents"/>.</param>
/// <param name="Contents">What is on the disk before.</param>
/// <param name="Goal">The ratio to reach.</param>
internal sealed record ServeWorkload(string Name, string[] Client, ServeContents Contents, double Goal)
{
    /// <summary>Whether the images lie on the host's disk, and not in memory.</summary>
    internal bool IsOnDisk { get; init; }

    /// <summary>Whether the host has nothing of the image in its memory when the client begins.</summary>
    internal bool IsCold { get; init; }

    /// <summary>Who serves the same beside ours.</summary>
    internal ServePeer Peer { get; init; } = ServePeer.QemuQed;

    /// <summary>How many requests an allocating one makes room for, in bytes.</summary>
    internal string Amount { get; init; } = "256M";

    /// <summary>Whether the disk has no data to begin with.</summary>
    internal bool Allocates => Contents is ServeContents.Empty or ServeContents.Overlay;

    /// <summary>All that are measured.</summary>
    internal static ServeWorkload[] All { get; } =
    [
        new("read 4k, depth 32", ["--rw=randread", "--bs=4k", "--iodepth=32"], ServeContents.Filled, 2.5),
        new("read 4k, depth 1", ["--rw=randread", "--bs=4k", "--iodepth=1"], ServeContents.Filled, 1.4),
        new("write 4k, depth 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], ServeContents.Filled, 2.3),
        new("write 4k, depth 1", ["--rw=randwrite", "--bs=4k", "--iodepth=1"], ServeContents.Filled, 1.8),
        new("read 4k, 4 connections", ["--rw=randread", "--bs=4k", "--iodepth=8", "--numjobs=4"], ServeContents.Filled, 3.5),
        new("70 % read, 4k, a flush every 32", ["--rw=randrw", "--rwmixread=70", "--bs=4k", "--iodepth=32", "--fsync=32"], ServeContents.Filled, 2.5),
        new("allocating write 4k, depth 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], ServeContents.Empty, 10),
        new("allocating write 4k over a raw backing file", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], ServeContents.Overlay, 6),
        new("allocating write 64k in order, depth 8", ["--rw=write", "--bs=64k", "--iodepth=8"], ServeContents.Empty, 2.2) { Amount = "1G" },
        new("allocating write 4k, a flush every 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32", "--fsync=32"], ServeContents.Empty, 2),
        new("read 4k over 1 TiB in random order, depth 32", ["--rw=randread", "--norandommap", "--bs=4k", "--iodepth=32", "--size=1T"], ServeContents.Big, 14),
        new("raw, read 4k, depth 32, beside nbdkit's file", ["--rw=randread", "--bs=4k", "--iodepth=32"], ServeContents.Raw, 1.3) { Peer = ServePeer.NbdkitRaw },
        new("raw, write 4k, depth 32, beside nbdkit's file", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], ServeContents.Raw, 1.3) { Peer = ServePeer.NbdkitRaw },
        new("nbdcopy writes 1 GiB and flushes, MiB/s", [], ServeContents.Empty, 1.4),
        new("nbdcopy reads 8 GiB with 1 GiB of data, MiB/s", [], ServeContents.Filled, 1.2),
        new("disk: allocating write 4k, depth 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], ServeContents.Empty, 5) { IsOnDisk = true, Amount = "64M" },
        new("disk: 70 % read, 4k, a flush every 32", ["--rw=randrw", "--rwmixread=70", "--bs=4k", "--iodepth=32", "--fsync=32"], ServeContents.Filled, 1.8) { IsOnDisk = true },
        new("disk: allocating write 4k, a flush every 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32", "--fsync=32"], ServeContents.Empty, 2) { IsOnDisk = true, Amount = "16M" },
        new("disk: the same beside qemu-nbd on a qcow2", ["--rw=randwrite", "--bs=4k", "--iodepth=32", "--fsync=32"], ServeContents.Empty, 1.2) { IsOnDisk = true, Amount = "16M", Peer = ServePeer.QemuQcow2 },
        new("disk: read 4k, depth 32, nothing in memory", ["--rw=randread", "--bs=4k", "--iodepth=32"], ServeContents.Filled, 2) { IsOnDisk = true, IsCold = true },
    ];
}

/// <summary>What is on a disk before the client comes.</summary>
internal enum ServeContents
{
    /// <summary>1 GiB of 8 GiB has data.</summary>
    Filled,

    /// <summary>The same as a raw file.</summary>
    Raw,

    /// <summary>Nothing, of 8 GiB.</summary>
    Empty,

    /// <summary>Nothing, over a raw file of 8 GiB of nothing.</summary>
    Overlay,

    /// <summary>1 TiB whose every cluster is allocated, in random order.</summary>
    Big,
}

/// <summary>Who serves a disk beside ours.</summary>
internal enum ServePeer
{
    QemuQed,
    QemuQcow2,
    NbdkitRaw,
}

using System;
using Qed.Checking;
using Qed.Storage;

namespace Qed.Tests.Fuzzing;

/// <summary>An undo file in memory.</summary>
internal sealed class FuzzUndo(WorkMeter meter) : IUndoStore
{
    public string Path => "/memory/image.qed.undo";

    public Remedy WhereItWouldBe => Remedy.Advice("It would be in memory.");

    /// <summary>What it holds; null while there is none.</summary>
    internal FuzzStorage? Journal { get; private set; }

    public bool Exists => Journal is not null;

    public BlockStorage Open() => Journal!;

    public BlockStorage Look() => Journal!;

    public BlockStorage Create() => Journal = new FuzzStorage(Path, [], 0, canWrite: true, meter);

    public void Remove() => Journal = null;

    /// <summary>Changes some of its bytes, or cuts it.</summary>
    internal void Tamper(Random random)
    {
        byte[] bytes = Journal!.Contents.ToArray();
        int length = random.Next(3) == 0 ? random.Next(bytes.Length + 1) : bytes.Length;
        for (int i = random.Next(4); i >= 0; i--)
            bytes[random.Next(2) == 0 ? random.Next(Math.Min(128, bytes.Length)) : random.Next(bytes.Length)] ^= (byte)(1 + random.Next(255));
        Journal = new FuzzStorage(Path, bytes, length, canWrite: true, meter);
    }
}

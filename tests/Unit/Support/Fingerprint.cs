using System;
using System.IO;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Bytes and time stamps of a file, to show that something has not touched it.</summary>
internal sealed class Fingerprint
{
    // Long ago, so that any write shows whatever the clock's grain.
    private static readonly DateTime LongAgo = new(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc);

    private readonly string _path;
    private readonly byte[] _bytes;

    private Fingerprint(string path)
    {
        _path = path;
        _bytes = File.ReadAllBytes(path);
        File.SetLastWriteTimeUtc(path, LongAgo);
    }

    internal static Fingerprint Of(string path) => new(path);

    internal void AssertUntouched()
    {
        Assert.True(File.ReadAllBytes(_path).AsSpan().SequenceEqual(_bytes), $"the bytes of {_path} have changed");
        Assert.Equal(LongAgo, File.GetLastWriteTimeUtc(_path));
    }
}

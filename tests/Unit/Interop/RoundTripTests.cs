using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

public sealed class RoundTripTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(4096, 2)]
    [InlineData(65536, 4)]
    [InlineData(1 << 20, 16)]
    public void Raw_to_QED_to_raw_gives_the_same_bytes_and_QEMU_agrees(int clusterSize, int tableSize)
    {
        Qemu.Require();
        byte[] disk = new byte[20 * 1024 * 1024 + 512];
        for (int i = 0; i < 40; i++)
            Patterns.Random(70_000, i).CopyTo(disk, i * 520_000);
        File.WriteAllBytes(_folder["a.raw"], disk);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"], ClusterSize = clusterSize, TableSize = tableSize, Verify = true });
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["b.qed"], DestinationPath = _folder["c.raw"] });
        Qemu.AssertSound(_folder["b.qed"]);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "qed", _folder["a.raw"], _folder["b.qed"]), StringComparison.Ordinal);
        Assert.Equal(disk, File.ReadAllBytes(_folder["c.raw"]));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = _folder["b.qed"] }).IsClean);
    }
}

using System;
using Qed.Bits;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

public sealed class Crc32CTests
{
    [Fact]
    public void The_check_values_of_the_standard_come_out()
    {
        Assert.Equal(0xe3069283u, Crc32C.Of("123456789"u8));
        Assert.Equal(0x8a9136aau, Crc32C.Of(new byte[32]));
        Assert.Equal(0x62a8ab43u, Crc32C.Of(Patterns.Filled(32, 0xff)));
        Assert.Equal(0u, Crc32C.Of([]));
    }

    [Fact]
    public void Parts_of_any_length_add_up_to_the_whole()
    {
        byte[] bytes = Patterns.Random(100, 1);
        for (int cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal(Crc32C.Of(bytes), Crc32C.Append(Crc32C.Of(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
    }
}

using System.Globalization;
using Xunit;

namespace Qed.Tests;

public sealed class ByteSizeTests
{
    /// <summary>Both ways to write an amount round it alike, halves to the even digit as C does.</summary>
    [Theory]
    [InlineData(0, "0 B", "0 B")]
    [InlineData(999, "999 B", "999 B")]
    [InlineData(1000, "1000 B", "0.977 KiB")]
    [InlineData(1023, "1023 B", "0.999 KiB")]
    [InlineData(1024, "1 KiB", "1 KiB")]
    [InlineData(1152, "1.12 KiB", "1.12 KiB")]
    [InlineData(1408, "1.38 KiB", "1.38 KiB")]
    [InlineData(1_023_487, "999 KiB", "999 KiB")]
    [InlineData(1_023_488, "1000 KiB", "0.976 MiB")]
    [InlineData(193 << 10, "193 KiB", "193 KiB")]
    [InlineData((10 << 20) + (256 << 10), "10.2 MiB", "10.2 MiB")]
    [InlineData(1023 << 20, "1023 MiB", "0.999 GiB")]
    [InlineData((1L << 30) - 1, "1 GiB", "1 GiB")]
    [InlineData(long.MaxValue, "8 EiB", "8 EiB")]
    public void An_amount_has_three_digits_of_its_largest_unit(long bytes, string text, string shortText)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            Assert.Equal((text, shortText), (ByteSize.Format((ulong)bytes), ByteSize.FormatShort(bytes)));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("65536", 65536)]
    [InlineData("0x10000", 65536)]
    [InlineData("0X0", 0)]
    [InlineData("64k", 65536)]
    [InlineData("7b", 7)]
    [InlineData("1.5G", 3UL << 29)]
    [InlineData("1.000000000000000001E", (1UL << 60) + 1)]
    [InlineData("0.999999999999999999999k", 1023)]
    [InlineData("15.99E", 18_435_214_858_663_483_146)]
    [InlineData("16E", ulong.MaxValue)]
    [InlineData("18446744073709551615T", ulong.MaxValue)]
    [InlineData("0x10000000000000000", ulong.MaxValue)]
    public void An_amount_is_read_with_its_suffix(string text, ulong bytes)
        => Assert.Equal((true, bytes), (ByteSize.TryParse(text, out ulong read), read));

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1.5")]
    [InlineData("1.5b")]
    [InlineData("1.-5k")]
    [InlineData("1.5.5k")]
    [InlineData("1kk")]
    [InlineData("0x")]
    [InlineData("0xg")]
    [InlineData("0x1000000000000000g")]
    [InlineData("18446744073709551616")]
    public void What_is_no_amount_is_none(string text) => Assert.False(ByteSize.TryParse(text, out _));
}

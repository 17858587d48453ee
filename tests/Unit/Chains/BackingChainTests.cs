using System;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Chains;

/// <summary>Chains that cannot be followed are refused by kind, whatever names they hide behind.</summary>
public sealed class BackingChainTests : IDisposable
{
    private const int ImageSize = 1 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_image_that_names_itself_is_a_loop()
    {
        Make("a.qed", "a.qed");
        AssertLoop("a.qed", links: 1);
    }

    [Fact]
    public void Three_images_in_a_ring_are_a_loop()
    {
        Make("a.qed", "b.qed");
        Make("b.qed", "c.qed");
        Make("c.qed", "a.qed");
        AssertLoop("a.qed", links: 3);
        AssertLoop("c.qed", links: 3);
    }

    [Fact]
    public void A_ring_further_down_is_a_loop()
    {
        Make("top.qed", "a.qed");
        Make("a.qed", "b.qed");
        Make("b.qed", "a.qed");
        AssertLoop("top.qed", links: 3);
    }

    [Fact]
    public void A_hard_link_to_the_image_itself_is_a_loop()
    {
        Make("a.qed", "other.qed");
        Link.Hard(_folder["other.qed"], _folder["a.qed"]);
        AssertLoop("a.qed", links: 1);
    }

    [Fact]
    public void A_symbolic_link_to_the_image_itself_is_a_loop()
    {
        Make("a.qed", "other.qed");
        Link.Symbolic(_folder["other.qed"], "a.qed");
        AssertLoop("a.qed", links: 1);
    }

    [Fact]
    public void Symbolic_links_in_a_ring_are_no_image()
    {
        Link.Symbolic(_folder["x.qed"], "y.qed");
        Link.Symbolic(_folder["y.qed"], "x.qed");
        DiskImageException error = Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["x.qed"]).Dispose());
        Assert.True(error.Kind is ErrorKind.ImageNotFound or ErrorKind.AccessDenied, error.Message);
    }

    [Fact]
    public void An_image_is_never_made_to_rest_on_itself()
    {
        Make("base.qed", null);
        TestImage.Create(_folder["top.qed"], ImageSize, backing: "base.qed");
        Fingerprint before = Fingerprint.Of(_folder["base.qed"]);
        Fails.With(ErrorKind.BackingChainLoop, () => SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["base.qed"], BackingPath = "top.qed" }));
        Fails.With(ErrorKind.BackingChainLoop, () => SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["base.qed"], BackingPath = "base.qed" }));
        Fails.With(ErrorKind.BackingChainLoop, () => CreateImage.Run(new CreateImageOptions { Path = _folder["base.qed"], BackingPath = "top.qed", Force = true }));
        before.AssertUntouched();
    }

    [Theory]
    [InlineData("base.qed")]
    [InlineData("top.qed")]
    [InlineData("link.qed")]
    [InlineData("../{0}/middle.qed")]
    public void Nor_where_only_the_name_is_changed_and_nothing_is_read(string backing)
    {
        Make("base.qed", null);
        Make("middle.qed", "base.qed");
        Make("top.qed", "middle.qed");
        Link.Symbolic(_folder["link.qed"], "top.qed");
        Fingerprint before = Fingerprint.Of(_folder["base.qed"]);
        string name = string.Format(System.Globalization.CultureInfo.InvariantCulture, backing, Path.GetFileName(_folder.Path));
        Fails.With(ErrorKind.BackingChainLoop, "rest on itself", () => SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["base.qed"], BackingPath = name, MetadataOnly = true }));
        Fails.With(ErrorKind.BackingChainLoop, "rest on itself", () => CreateImage.Run(
            new CreateImageOptions { Path = _folder["base.qed"], Size = ImageSize, BackingPath = name, WithoutOpeningBacking = true, Force = true }));
        before.AssertUntouched();
        // A name that leads nowhere, or to what cannot be read, is the user's to know about.
        SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["base.qed"], BackingPath = "gone.qed", MetadataOnly = true });
        File.WriteAllBytes(_folder["broken.qed"], new byte[100].With(0, "QED"u8));
        SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["base.qed"], BackingPath = "broken.qed", MetadataOnly = true });
    }

    [Fact]
    public void A_loop_that_is_there_is_cut_by_taking_a_backing_file_away_unread()
    {
        Make("a.qed", "b.qed");
        Make("b.qed", "c.qed");
        Make("c.qed", "b.qed");
        // A loop further down is no better to rest on.
        Make("other.qed", null);
        Fails.With(ErrorKind.BackingChainLoop, () => SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["other.qed"], BackingPath = "a.qed", MetadataOnly = true }));
        SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["c.qed"], MetadataOnly = true });
        Assert.Equal(3, DescribeImage.RunChain(new DescribeImageOptions { Path = _folder["a.qed"] }).Count());
        Assert.Equal(new byte[ImageSize], TestImage.ReadAll(_folder["a.qed"]));
    }

    [Fact]
    public void A_missing_backing_file_is_named_together_with_the_image_that_needs_it()
    {
        Make("top.qed", "middle.qed");
        Make("middle.qed", "gone.qed");
        Fingerprint before = Fingerprint.Of(_folder["top.qed"]);
        foreach (Action open in Openings("top.qed"))
        {
            DiskImageException error = Fails.With(ErrorKind.BackingFileMissing, _folder["gone.qed"], open);
            Assert.Equal(_folder["middle.qed"], error.Path);
        }

        Assert.Equal("middle.qed", Describe.Of(_folder["top.qed"]).BackingPath);
        before.AssertUntouched();
    }

    [Fact]
    public void A_backing_file_in_a_missing_folder_is_missing()
    {
        Make("top.qed", "nowhere/base.qed");
        foreach (Action open in Openings("top.qed"))
            Fails.With(ErrorKind.BackingFileMissing, "base.qed", open);
    }

    [Fact]
    public void A_chain_of_two_hundred_images_opens_and_one_more_is_refused()
    {
        byte[] image = File.ReadAllBytes(Make("0.qed", null));
        for (int i = 1; i <= 200; i++)
        {
            File.WriteAllBytes(_folder[FormattableString.Invariant($"{i}.qed")], Naming(image, FormattableString.Invariant($"{i - 1}.qed")));
        }

        TestImage.Write(_folder["0.qed"], 1000, [9]);
        Assert.Equal(9, TestImage.ReadAll(_folder["199.qed"])[1000]);
        Assert.Equal(200, DescribeImage.RunChain(new DescribeImageOptions { Path = _folder["199.qed"] }).Count());
        foreach (Action open in Openings("200.qed"))
            Fails.With(ErrorKind.BackingFileRefused, "longer than 200 images", open);
    }

    [Fact]
    public void An_image_opened_without_its_backing_file_says_so_where_data_is_needed()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(ImageSize, 3));
        TestImage.Create(_folder["top.qed"], ImageSize, backing: "base.raw", backingFormat: "raw");
        TestImage.Write(_folder["top.qed"], 0, Patterns.Filled(65536, 4));
        using QedImage image = QedImage.Open(_folder["top.qed"]);
        byte[] sector = new byte[512];
        image.Read(new Qed.Units.GuestOffset(0), sector);
        Assert.Equal(4, sector[0]);
        Fails.With(ErrorKind.BackingFileMissing, "base.raw", () => image.Read(new Qed.Units.GuestOffset(65536), sector));
        Fails.With(ErrorKind.BackingFileMissing, "base.raw", () => _ = image.GetChainExtents(new Qed.Units.GuestOffset(65536), 512).ToArray());
        Fails.With(ErrorKind.BackingFileMissing, "base.raw", () => _ = image.IsHole(65536L, 512));
    }

    private void AssertLoop(string name, int links)
    {
        Fingerprint before = Fingerprint.Of(_folder[name]);
        foreach (Action open in Openings(name))
            Fails.With(ErrorKind.BackingChainLoop, "already part of it", open);
        Assert.NotNull(Describe.Of(_folder[name]).BackingPath);
        int described = 0;
        Fails.With(ErrorKind.BackingChainLoop, () =>
        {
            foreach (ImageDescription _ in DescribeImage.RunChain(new DescribeImageOptions { Path = _folder[name] }))
                described++;
        });
        Assert.Equal(links, described);
        before.AssertUntouched();
    }

    private Action[] Openings(string name) =>
    [
        () => OpenImage.ForReading(_folder[name]).Dispose(),
        () => OpenImage.ForWriting(_folder[name]).Dispose(),
        () => Assert.NotEmpty(DescribeImage.RunChain(new DescribeImageOptions { Path = _folder[name] }).ToList()),
        () => ConvertImage.Run(new ConvertImageOptions { Path = _folder[name], DestinationPath = _folder["out.raw"] }),
    ];

    /// <summary>An image that names a backing file, whatever that leads to.</summary>
    private static byte[] Naming(byte[] image, string backing)
    {
        byte[] name = System.Text.Encoding.UTF8.GetBytes(backing);
        return image.With(16, 1UL).With(56, 64u).With(60, (uint)name.Length).With(64, name);
    }

    private string Make(string name, string? backing)
    {
        string path = TestImage.Create(_folder[name], ImageSize, 4096, 1);
        if (backing is not null)
            File.WriteAllBytes(path, Naming(File.ReadAllBytes(path), backing));
        return path;
    }
}

using System;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Storage.Windows;
using Qed.Targets;
using Qed.Tests.Storage.Windows;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>Who writes an image replaces what was there at the beginning, and nothing that another one has made since and reported as done.</summary>
public sealed class TargetRaceTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_two_new_images_of_one_name_the_second_is_refused_and_leaves_nothing(bool asWindows)
    {
        using var folder = new TempFolder();
        using (PendingFile second = Begin(folder["disk.vmdk"], asWindows))
        {
            using (PendingFile first = Begin(folder["disk.vmdk"], asWindows))
                Commit(first, "first", "disk-flat.vmdk");
            // Its own companion has another name, which is as good as the first one's.
            AssertRefused(second, "second", "disk-flat.vmdk");
        }

        Assert.Equal(["disk-flat.vmdk", "disk.vmdk"], Directory.GetFiles(folder.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.Equal("first", File.ReadAllText(folder["disk.vmdk"]));
        Assert.Equal("first", File.ReadAllText(folder["disk-flat.vmdk"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_image_that_was_replaced_meanwhile_is_not_replaced_once_more(bool asWindows)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["disk.qed"], "old");
        using (PendingFile second = Begin(folder["disk.qed"], asWindows))
        {
            using (PendingFile first = Begin(folder["disk.qed"], asWindows))
                Commit(first, "first");
            AssertRefused(second, "second");
        }

        Assert.Equal("disk.qed", Path.GetFileName(Assert.Single(Directory.GetFiles(folder.Path))));
        Assert.Equal("first", File.ReadAllText(folder["disk.qed"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_image_that_was_deleted_meanwhile_is_no_obstacle(bool asWindows)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["disk.qed"], "old");
        using (PendingFile file = Begin(folder["disk.qed"], asWindows))
        {
            File.Delete(folder["disk.qed"]);
            Commit(file, "new");
        }

        Assert.Equal("new", File.ReadAllText(folder["disk.qed"]));
    }

    private static PendingFile Begin(string target, bool asWindows)
        => PendingFile.Create(target, overwrite: true, [], NullLogger.Instance, asWindows ? new WindowsRename(new ScriptedNames(), new Patience(_ => { })) : null);

    private static void AssertRefused(PendingFile file, string text, params string[] companions)
    {
        DiskImageException error = Assert.Throws<DiskImageException>(() => Commit(file, text, companions));
        Assert.Equal((ErrorKind.ImageExists, file.Target), (error.Kind, error.Path));
    }

    private static void Commit(PendingFile file, string text, params string[] companions)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        foreach (string companion in companions)
            file.AddCompanion(companion).Storage.Write(0, bytes);
        file.Storage.Write(0, bytes);
        file.Finish(ProgressMeter.Silent, default);
        file.Commit();
    }
}

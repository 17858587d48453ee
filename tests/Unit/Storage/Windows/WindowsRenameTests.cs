using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Storage.Windows;
using Qed.Targets;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>However Windows fails to put a new file in the place of an old one, one of them is there: by the results that are documented.</summary>
public sealed class WindowsRenameTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ScriptedNames _names = new();
    private readonly List<TimeSpan> _waits = [];
    private readonly WindowsRename _rename;
    private readonly string _old;
    private readonly string _new;

    public WindowsRenameTests()
    {
        _rename = new WindowsRename(_names, new Patience(_waits.Add));
        _old = _folder["disk.qed"];
        _new = _folder["disk.qed.partial"];
        File.WriteAllText(_old, "old");
        File.WriteAllText(_new, "new");
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(WindowsError.SharingViolation)]
    [InlineData(WindowsError.LockViolation)]
    [InlineData(WindowsError.AccessDenied)]
    public void What_a_scanner_holds_for_a_second_is_waited_for(int error)
    {
        _names.Fail(error, () => Total() < TimeSpan.FromSeconds(1));
        _rename.Run(_new, _old, overwrite: true);
        Assert.Equal("new", File.ReadAllText(_old));
        Assert.InRange(Total(), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
    }

    [Theory]
    [InlineData(WindowsError.SharingViolation)]
    [InlineData(WindowsError.AccessDenied)]
    public void What_is_held_for_good_is_waited_for_no_longer_than_seconds_and_both_files_stay(int error)
    {
        _names.Fail(error, () => true);
        Assert.ThrowsAny<IOException>(() => _rename.Run(_new, _old, overwrite: true));
        Assert.Equal("old", File.ReadAllText(_old));
        Assert.Equal("new", File.ReadAllText(_new));
        Assert.Equal(Patience.ForName, Total());
    }

    [Theory]
    // The three of ReplaceFile, which servers and filters pass on: the old one cannot be removed; it is gone, twice over.
    [InlineData(WindowsError.UnableToRemoveReplaced, false)]
    [InlineData(WindowsError.UnableToMoveReplacement, true)]
    [InlineData(WindowsError.UnableToMoveReplacementSecond, true)]
    // FAT removes the old name first.
    [InlineData(WindowsError.DiskFull, true)]
    public void An_old_file_that_is_gone_is_no_obstacle_to_a_plain_name(int error, bool isGone)
    {
        _names.Fail(error, () => _names.Calls == 1, remove: isGone ? _old : null);
        if (isGone)
        {
            _rename.Run(_new, _old, overwrite: true);
            Assert.Equal("new", File.ReadAllText(_old));
            Assert.False(File.Exists(_new));
        }
        else
        {
            Assert.ThrowsAny<IOException>(() => _rename.Run(_new, _old, overwrite: true));
            Assert.Equal("old", File.ReadAllText(_old));
            Assert.Equal("new", File.ReadAllText(_new));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_whole_image_that_cannot_get_its_name_is_kept_and_named(bool isOldGone)
    {
        string target = _folder["kept.qed"];
        File.WriteAllText(target, "old");
        string place;
        DiskImageException error;
        using (PendingFile file = PendingFile.Create(target, overwrite: true, [], NullLogger.Instance, _rename))
        {
            file.Storage.Write(0, "whole"u8);
            file.Finish(ProgressMeter.Silent, default);
            place = file.PathsUnderConstruction[target];
            _names.Fail(WindowsError.SharingViolation, () => true, remove: isOldGone ? target : null);
            error = Assert.Throws<DiskImageException>(file.Commit);
        }

        Assert.True(error.Kind is ErrorKind.ImageInUse or ErrorKind.AccessDenied);
        Assert.Equal(!isOldGone, File.Exists(target));
        Assert.Equal("whole", File.ReadAllText(place));
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_kept_is_not_taken_for_what_an_earlier_run_left_over()
    {
        string place = TemporaryName.Beside(_old);
        File.WriteAllText(place, "whole");
        string kept = _rename.Keep(place);
        Leftovers.Clear(_old, NullLogger.Instance);
        Assert.Equal("whole", File.ReadAllText(kept));
    }

    [Fact]
    public void An_image_that_is_not_whole_is_removed()
    {
        string target = _folder["given-up.qed"];
        string place;
        using (PendingFile file = PendingFile.Create(target, overwrite: false, [], NullLogger.Instance, _rename))
        {
            file.Storage.Write(0, "half"u8);
            place = file.PathsUnderConstruction[target];
            Assert.True(File.Exists(place));
        }

        Assert.False(File.Exists(place));
        Assert.False(File.Exists(target));
    }

    [Fact]
    public void A_name_that_another_process_took_meanwhile_stays_its_own()
    {
        string target = _folder["taken.qed"];
        using (PendingFile file = PendingFile.Create(target, overwrite: false, [], NullLogger.Instance, _rename))
        {
            file.Finish(ProgressMeter.Silent, default);
            File.WriteAllText(target, "somebody's");
            Assert.Equal(ErrorKind.ImageExists, Assert.Throws<DiskImageException>(file.Commit).Kind);
        }

        Assert.Equal("somebody's", File.ReadAllText(target));
        Assert.Equal(new[] { _new, _old, target }.Order(), Directory.GetFiles(_folder.Path).Order());
    }

    [Fact]
    public void A_file_that_is_held_for_a_moment_is_removed_all_the_same()
    {
        _names.Fail(WindowsError.SharingViolation, () => _waits.Count < 3);
        _rename.Delete(_new);
        Assert.False(File.Exists(_new));
        Assert.Equal(3, _waits.Count);
    }

    private TimeSpan Total()
    {
        TimeSpan total = TimeSpan.Zero;
        foreach (TimeSpan wait in _waits)
            total += wait;
        return total;
    }
}

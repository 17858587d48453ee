using System;
using System.Collections.Generic;
using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Drawing;

namespace Qed.PowerShell.Commands;

/// <summary>Draws the allocation of images, or of the extents that Get-QedImageMap gives, as text; changes nothing.</summary>
[Cmdlet(VerbsCommon.Show, "QedImageMap", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Show-QedImageMap.md")]
[OutputType(typeof(string))]
public sealed class ShowQedImageMapCommand : SourceCmdlet
{
    private const int DefaultWidth = 80;
    private const int DefaultHeight = 12;

    private AllocationGrid? _kept;
    private string? _keptPath;

    /// <summary>Columns of the drawing; the host's width otherwise.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(10, 1000)]
    public int? Width { get; set; }

    /// <summary>The most lines of the field.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, 1000)]
    public int? Height { get; set; } = DefaultHeight;

    /// <summary>Draws with plain characters and without colours.</summary>
    [Parameter]
    public SwitchParameter Plain { get; set; }

    private AllocationDrawing Drawing => field ??= new AllocationDrawing(Width ?? HostWidth(), Height ?? DefaultHeight, !Plain && HostColors.AreShown(Host), !Plain);

    private protected override void ProcessImage(string path)
    {
        path = PathResolver.FullPath(path);
        AllocationDrawing drawing = Drawing;
        var options = new MapImageOptions { Path = path, SourceFormat = SourceFormat, RawFallback = RawFallback.Recognised, TellDamage = true };
        Start(path, item =>
        {
            var grid = new AllocationGrid();
            foreach (MappedExtent run in MapImage.Run(options, item.Progress, item.Logger, item.Cancellation))
                grid.Add(run);
            foreach (string line in drawing.Lines(path, grid))
                item.Emit(line);
        });
    }

    /// <summary>Keeps an extent; those of one image come together.</summary>
    private protected override bool TakesInput(PSObject input, string path)
    {
        if (ExtentObject.RunOf(input) is not { } run)
            return false;
        string image = ExtentObject.PathOf(input);
        if (image != _keptPath)
            CompleteInput();
        _keptPath = image;
        (_kept ??= new AllocationGrid()).Add(run);
        return true;
    }

    private protected override void CompleteInput()
    {
        if (_kept is not { } grid)
            return;
        IEnumerable<string> lines = Drawing.Lines(_keptPath!, grid);
        _kept = null;
        Start(_keptPath!, item =>
        {
            foreach (string line in lines)
                item.Emit(line);
        });
    }

    private int HostWidth()
    {
        try
        {
            // A line as long as the window would wrap in some consoles.
            return Host.UI.RawUI.WindowSize.Width is > 11 and int width ? Math.Min(width - 1, 1000) : DefaultWidth;
        }
        catch (Exception error) when (error is System.Management.Automation.Host.HostException or NotImplementedException or InvalidOperationException or PlatformNotSupportedException)
        {
            // A host without a window.
            return DefaultWidth;
        }
    }
}

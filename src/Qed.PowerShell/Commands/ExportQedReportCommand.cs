using System;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using System.Text;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Pipeline;
using Qed.PowerShell.Report;

namespace Qed.PowerShell.Commands;

/// <summary>Writes one self-contained HTML page on check reports, from Test-QedImage and Repair-QedImage, of this host or of others.</summary>
[Cmdlet(VerbsData.Export, "QedReport", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "Export-QedReport.md")]
[OutputType(typeof(FileInfo))]
public sealed class ExportQedReportCommand : PSCmdlet
{
    private readonly List<ReportRow> _rows = [];

    /// <summary>The page's file, a literal path.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("Destination")]
    [ValidateNotNullOrEmpty]
    public string DestinationPath { get; set; } = string.Empty;

    /// <summary>The reports.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [AllowNull]
    public PSObject?[]? InputObject { get; set; }

    /// <summary>The page's heading.</summary>
    [Parameter]
    [BlankIsAbsent]
    public string? Title { get; set; }

    /// <summary>Replaces a file of that name.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Emits the page's file.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (PSObject? report in InputObject ?? [])
        {
            if (report is not null && ReportRow.From(report) is { } row)
                _rows.Add(row);
            else
                WriteError(new ErrorRecord(new PSArgumentException($"'{report}' is no check report. Test-QedImage makes them."), "InputObjectNotBound", ErrorCategory.InvalidArgument, report));
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        try
        {
            WritePage(new PathResolver(SessionState.Path).ResolveLiteral(DestinationPath));
        }
        catch (DiskImageException error)
        {
            ThrowTerminatingError(ErrorRecords.From(error, DestinationPath, new RemedyWords(GetType())));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            ThrowTerminatingError(new ErrorRecord(error, "WriteError", ErrorCategory.WriteError, DestinationPath));
        }
    }

    private void WritePage(string path)
    {
        bool exists = File.Exists(path);
        if (exists && !Force)
            throw new DiskImageException(ErrorKind.ImageExists, "a file of that name exists already", path) { Remedy = new Remedy(RemedyKind.AllowOverwriting) };
        if (!ShouldProcess(path, $"Write a report on {_rows.Count} images{(exists ? ", replacing the existing file" : null)}"))
            return;
        // Whole or not at all: whoever looks at the page meanwhile sees the one before.
        string temporary = $"{path}.{Guid.NewGuid():N}.partial";
        try
        {
            using (var page = new StreamWriter(temporary, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)))
                ReportPage.Write(page, _rows, Title ?? "Disk images", DateTimeOffset.Now);
            if (exists)
                File.Replace(temporary, path, null);
            else
                File.Move(temporary, path);
        }
        catch
        {
            // Where replacing the old page has failed half-way, the new one is all there is.
            if (!exists || File.Exists(path))
                File.Delete(temporary);
            throw;
        }

        if (PassThru)
            WriteObject(new FileInfo(path));
    }
}

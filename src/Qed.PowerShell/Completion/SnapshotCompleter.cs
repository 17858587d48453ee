using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using Qed.Operations;

namespace Qed.PowerShell.Completion;

/// <summary>Completes the snapshots of the image that is to be converted.</summary>
public sealed class SnapshotCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words(IDictionary others)
    {
        if ((others["LiteralPath"] ?? others["Path"]) is not string path)
            return [];
        try
        {
            // A completer is not told where the user stands; the session that runs it is the one that knows.
            using var shell = System.Management.Automation.PowerShell.Create(RunspaceMode.CurrentRunspace);
            path = shell.AddCommand("Convert-Path").AddParameter("LiteralPath", path).Invoke<string>()[0];
            return DescribeImage.Run(new DescribeImageOptions { Path = path }).Snapshots;
        }
        catch (Exception error) when (error is DiskImageException or RuntimeException or ArgumentOutOfRangeException or IOException)
        {
            // There is nothing to complete with, which is no error while somebody types.
            return [];
        }
    }
}

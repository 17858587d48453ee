using System;
using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Pipeline;

namespace Qed.PowerShell.Binding;

/// <summary>The base of the cmdlets that change what an image is where it lies, and describe it afterwards if asked to.</summary>
public abstract class ChangingCmdlet : ImageCmdlet
{
    private readonly ImageTurns _turns = new();

    /// <summary>Emits the image's description.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Queues a change, which waits until no other item uses the image.</summary>
    /// <param name="path">The image.</param>
    /// <param name="newBackingName">The name of its new backing file; null for none.</param>
    /// <param name="change">Makes the change.</param>
    private protected void StartChange(string path, string? newBackingName, Func<WorkItem, ChangeResult> change)
    {
        bool passThru = PassThru;
        Start(path, item =>
        {
            using (_turns.Take(path, newBackingName))
            {
                ChangeResult result = change(item);
                if (passThru)
                    item.Emit(new ImageInfo(result.After));
            }
        });
    }
}

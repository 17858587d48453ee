# What runs under Wine in every run: where Windows differs (files, locks, names, targets), and every format. All of it is
# ./build.ps1 TestWindows. Names may have wildcards.
@{
    Classes     = @{
        'Unit'             = @(
            'Chains.*', 'Layout.BackingNameTests', 'Storage.*', 'Transfer.HostHolesTests'
            'Engine.QedImageTests', 'Engine.CommitTests', 'Engine.ConcurrencyTests', 'Engine.ModelTests'
            'Operations.ConvertContentTests', 'Operations.ConvertTargetTests', 'Operations.DeleteSourceTests', 'Operations.ReadContentTests'
            'Checking.UnfinishedRepairTests', 'Formats.ParentNameTests', 'Formats.Vhd.VhdDifferencingTests', 'Formats.Vmdk.VmdkExtentNameTests'
        )
        'Unit.NetStandard' = @('Storage.*', 'Engine.QedImageTests', 'Engine.ConcurrencyTests', 'Operations.ConvertTargetTests')
        'Tool'             = @('Tool.ProcessTests', 'Tool.ReadingTests', 'Tool.DifferenceTests', 'Tool.CommitTests', 'Tool.JsonTests')
    }
    PesterFiles = @('New-QedImage')
}
